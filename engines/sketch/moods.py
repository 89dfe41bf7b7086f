"""The moods: hour, weather, season and manner, each a palette and the words that call for it.

Read by ``reading.py`` (the words) and ``planner.py`` (the palettes). To add a mood, add one entry.
Colours are sRGB hex: sky from the top to the horizon, far land, near land, water, the light, the
darkest ink, three accents.
"""

from __future__ import annotations

from dataclasses import dataclass

from engines.sketch.palette import Palette


@dataclass(frozen=True, slots=True)
class Mood:
    """The feel of a picture."""

    words: str
    palette: Palette
    #: which of two moods prevails: an hour is weak, a season stronger, a manner strongest
    weight: float = 1.0
    #: elements that it adds, unless the words ask for others in their place
    brings: str = ""
    #: its effect on the finish: ink, grain, glow, pastel, or none
    finish: str = ""
    #: words that it comes close to: the notes name the mood instead
    near: str = ""


HOUR, WEATHER, MANNER = 1.0, 1.8, 4.0

#: a night in winter is a night first
NIGHT = 2.0

MOODS: dict[str, Mood] = {
    "dawn": Mood(
        "dawn, sunrise, daybreak, morning, early light, 黎明, 日出, 清晨, 早晨, 朝霞",
        Palette.from_hex(
            "#6d8fc4 #b9b4d6 #f2c1b6 #ffe3b8",
            "#8e95b8", "#4a5a63", "#7f93ba", "#fff0cf", "#262f45", "#f08a7a #f6c667 #7fb8a8",
        ),
        HOUR, "sun",
    ),
    "day": Mood(
        "day, daytime, noon, midday, sunny, blue sky, clear sky, bright, daylight, 白天, 中午, 晴天, 蓝天, 晴朗",
        Palette.from_hex(
            "#2f6fb8 #5f9fd6 #a3cdea #e6f1ee",
            "#7fa3bd", "#4f7d4a", "#3b82a8", "#fffbe8", "#1e3340", "#e4572e #f3b53f #f7f3e8",
        ),
        HOUR, "clouds",
    ),
    "golden": Mood(
        "golden hour, golden light, warm light, afternoon, late afternoon, 黄金时刻, 金色阳光, 午后, 下午, 暖光",
        Palette.from_hex(
            "#7a93a8 #d0b98f #f6cf83 #ffe7ad",
            "#b08d6a", "#6e5a33", "#a98f63", "#fff0c2", "#33261a", "#c8502b #e9a93a #6f8a5b",
        ),
        HOUR, "sun",
    ),
    "sunset": Mood(
        "sunset, sundown, evening, evening glow, crimson sky, 日落, 夕阳, 傍晚, 黄昏, 晚霞",
        Palette.from_hex(
            "#4b3f86 #a4558f #ee7d6f #ffc56b",
            "#6d4a7a", "#2f2440", "#8a4f80", "#ffe2a0", "#1d1430", "#ff7847 #ffd166 #57c4c0",
        ),
        HOUR, "sun",
    ),
    "dusk": Mood(
        "dusk, twilight, blue hour, nightfall, 暮色, 薄暮, 蓝调时刻, 入夜",
        Palette.from_hex(
            "#1c2a5c #3d4f8f #8a78ad #e6a9a3",
            "#46558a", "#1a2442", "#3b4d86", "#ffdcb0", "#0e1530", "#ff9e6d #ffd98a #7ad0e0",
        ),
        HOUR,
    ),
    "night": Mood(
        "night, midnight, moonlit, moonlight, starlit, nocturnal, night sky, 夜, 夜晚, 深夜, 夜空, 月夜, 星夜",
        Palette.from_hex(
            "#060c22 #0d1d46 #1d3b78 #4468a6",
            "#2a4a86", "#0a1024", "#14306a", "#f4f1de", "#04060f", "#ffd36b #7fd0ff #e8795a",
        ),
        NIGHT, "stars",
    ),
    "storm": Mood(
        "storm, stormy, thunderstorm, thunder, gloomy, overcast, 暴风雨, 暴风, 雷雨, 风暴, 阴天, 阴沉",
        Palette.from_hex(
            "#1b2433 #33465a #5b7688 #a9bdb8",
            "#4a6070", "#1f2c2e", "#2c4a58", "#eef3ec", "#0e1215", "#d8b24a #7fb4c4 #a34b3f",
        ),
        WEATHER, "storm clouds",
        near="hurricane, tempest, dramatic",
    ),
    "misty": Mood(
        "misty, foggy, hazy, mist, 薄雾, 雾气, 朦胧, 迷雾, 烟雨",
        Palette.from_hex(
            "#a9b8bd #c2cdcd #dadfd9 #eeece2",
            "#a9b6b8", "#4d6064", "#9fb0b3", "#fff9ea", "#26343a", "#b5654a #d9b36c #6f9a8d",
        ),
        WEATHER, "fog",
        near="mysterious, mysterious forest",
    ),
    "winter": Mood(
        "winter, wintry, frozen, frost, frosty, icy, cold, 冬天, 冬季, 冬, 冰天雪地, 寒冷",
        Palette.from_hex(
            "#5f86b3 #93b3d2 #c9d9e6 #f3e9e4",
            "#9fb7d0", "#dfe8ef", "#6d93b4", "#fffaf0", "#22344b", "#c44536 #e0b04c #3f7f6b",
        ),
        WEATHER, "snow",
        near="christmas, arctic, 圣诞",
    ),
    "autumn": Mood(
        "autumn, autumnal, fall colors, 秋天, 秋季, 秋, 秋色, 金秋",
        Palette.from_hex(
            "#6f93a6 #b8bfae #ecd2a0 #fbe7c0",
            "#a97f5a", "#7d4a22", "#7c8a80", "#fff0cc", "#2f1c14", "#d1491f #eea02e #8f2d2a",
        ),
        WEATHER,
        near="october, harvest",
    ),
    "spring": Mood(
        "spring, springtime, vernal, 春天, 春季, 春, 春日",
        Palette.from_hex(
            "#8fb7e0 #c6cdec #f3d5e2 #fdf0dc",
            "#a9b9cf", "#7fa35e", "#93bcd0", "#fff6e0", "#34383f", "#f28cae #f7d36f #79b473",
        ),
        WEATHER,
        near="april",
    ),
    "summer": Mood(
        "summer, 夏天, 夏季, 夏, 夏日",
        Palette.from_hex(
            "#1f86c9 #4fb3de #9edbe6 #fdf3cf",
            "#5fa3a0", "#3f8f4f", "#12a3b4", "#fffbe0", "#123a3f", "#ff5d5d #ffc83d #ff8fb8",
        ),
        WEATHER, "clouds",
        near="tropical, tropics, paradise, exotic, vacation, 热带",
    ),
    "fire": Mood(
        "fire, burning, flames, 火焰, 燃烧",
        Palette.from_hex(
            "#1c0b0e #5c1a16 #b83a1a #ffa23a",
            "#6d2a1e", "#1d0d0d", "#7d2a18", "#ffe28a", "#0d0506", "#ff5a1f #ffc23d #f6f0d8",
        ),
        WEATHER, "embers",
        near="apocalypse, apocalyptic, inferno, hell, lava, volcanic, mars, 末日, 地狱, 熔岩, 火星",
    ),
    "underwater": Mood(
        "underwater, undersea, deep sea, ocean floor, submerged, 水下, 海底, 深海, 水底, 海底世界",
        Palette.from_hex(
            "#7fe0e0 #2aa6bf #0f6a97 #0a2f5c",
            "#1a6f96", "#0a2342", "#0f6a97", "#dffcf2", "#041226", "#ff7f6b #ffd166 #b388eb",
        ),
        MANNER, "light rays",
        near="aquarium, coral reef",
    ),
    "space": Mood(
        "space, deep space, outer space, cosmic, cosmos, universe, 太空, 宇宙, 星际, 外太空, 银河系",
        Palette.from_hex(
            "#05040f #120a2c #2a1150 #4a1a63",
            "#3b2a6d", "#120b24", "#1a1a52", "#fff2da", "#030208", "#ff5fa8 #4fd6ff #ffb35c",
        ),
        2.6, "stars",
        near="celestial, astral, interstellar",
    ),
    "cyberpunk": Mood(
        "cyberpunk, neon, neon lights, 赛博朋克, 霓虹, 霓虹灯",
        Palette.from_hex(
            "#0a0620 #23104f #6a1b8f #e0559f",
            "#4a1f80", "#0d0822", "#2a1263", "#ffd6f2", "#06030f", "#22e6ff #ff3fb0 #ffe14d",
        ),
        MANNER, "", "glow",
        near="futuristic, sci-fi, scifi, blade runner, dystopian, 未来, 科幻",
    ),
    "synthwave": Mood(
        "synthwave, retrowave, outrun, 蒸汽波, 复古未来, 合成波",
        Palette.from_hex(
            "#1a0b3d #5a1a86 #d8388f #ffb45c",
            "#5b2a92", "#140a33", "#3a1c7a", "#ffe36b", "#0b0522", "#26e0ff #ff4fc3 #ffd23f",
        ),
        MANNER, "sun", "glow",
        near="80s, eighties, retro, vaporwave",
    ),
    "ink": Mood(
        "ink wash, ink painting, sumi-e, sumi, ink, brush painting, chinese painting, shan shui, 水墨, 水墨画, 国画, 山水画, 墨",
        Palette.from_hex(
            "#e4e0d2 #ebe7da #f1eee3 #f5f2e8",
            "#a8a8a0", "#33352f", "#c9c8bd", "#fbf6e6", "#16171a", "#a8322a #7b7f73 #c9a86a",
        ),
        MANNER, "", "ink",
        near="calligraphy, zen, 禅",
    ),
    "pastel": Mood(
        "pastel, dreamy, soft, gentle, 梦幻, 柔和, 粉彩",
        Palette.from_hex(
            "#a9c7ef #cfc7f0 #f6d0e4 #fff0d9",
            "#b9b3dd", "#8fb8a8", "#a6cbe6", "#fffbe9", "#4a4668", "#ff9fb8 #ffd98a #8fd6c8",
        ),
        2.6, "clouds", "pastel",
        near="dream, dreamlike, cute, kawaii, sweet, ethereal, fairy tale, whimsical, romantic, 梦境, 可爱, 童话, 浪漫",
    ),
    "noir": Mood(
        "noir, black and white, monochrome, greyscale, grayscale, film noir, 黑白, 单色, 灰度",
        Palette.from_hex(
            "#2b2b2d #565658 #8f8f90 #d2d2d0",
            "#707072", "#1c1c1e", "#4a4a4c", "#f6f6f2", "#0a0a0b", "#e8e8e4 #9a9a9a #c8c8c8",
        ),
        MANNER, "", "grain",
        near="charcoal, 炭笔",
    ),
    "vintage": Mood(
        "vintage, sepia, antique, nostalgic, nostalgia, faded, old photo, 复古, 怀旧, 泛黄, 老照片",
        Palette.from_hex(
            "#b39a72 #cdb68b #e2cfa5 #f1e3c0",
            "#a58a63", "#5a452c", "#a8946c", "#fff2d0", "#2b1f14", "#8f4a2f #c99a4a #5f7260",
        ),
        MANNER, "", "grain",
        near="victorian, western",
    ),
    "gothic": Mood(
        "gothic, dark, spooky, sinister, eerie, grim, 哥特, 黑暗, 阴森, 诡异",
        Palette.from_hex(
            "#0d0e1f #232447 #4a4674 #9a93a8",
            "#3d3f66", "#0e0d1a", "#2a2b50", "#f0ecd0", "#06060c", "#e0772c #b9c94a #8d2f52",
        ),
        2.6, "fog",
        near="horror, haunted, creepy, halloween, macabre, 恐怖, 万圣节",
    ),
    "fantasy": Mood(
        "fantasy, magic, magical, enchanted, mystical, fairy, 奇幻, 魔法, 神秘",
        Palette.from_hex(
            "#1b2a6b #5a4aa8 #b574c4 #ffc9c0",
            "#6a66b8", "#22264f", "#3d58a8", "#fff0c8", "#10122e", "#6ff0d0 #ffd76b #ff7fb5",
        ),
        2.2, "fireflies",
        near="wonderland, mythical, legendary, epic, surreal, 仙境, 神话, 史诗, 超现实",
    ),
    "ukiyo-e": Mood(
        "ukiyo-e, ukiyoe, woodblock, japanese print, 浮世绘, 木版画",
        Palette.from_hex(
            "#2f5d86 #7fa3ae #d9d2b0 #f2e3bd",
            "#6f93a0", "#4f6b4a", "#2a5a83", "#f6ecd0", "#1a2538", "#c2452f #e0a93f #f3ead2",
        ),
        MANNER, "", "ink",
        near="hokusai, edo, 葛饰北斋",
    ),
    "lush": Mood(
        "lush, verdant, mossy, peaceful, idyllic, tranquil, serene, 翠绿, 葱郁, 宁静, 田园, 青翠",
        Palette.from_hex(
            "#6fa3a8 #a3c9b8 #d3e3bd #f6f2cf",
            "#7fa893", "#2f5d3a", "#5f9a8f", "#fffbe0", "#14291f", "#e8744f #f2c14e #f4f1de",
        ),
        1.4,
        near="jungle, rainforest, overgrown",
    ),
    "desert": Mood(
        "desert light, arid, scorching, hot, sahara, 沙漠阳光, 炎热, 干旱",
        Palette.from_hex(
            "#3f74a8 #8fb0c0 #efd9a8 #ffe9c0",
            "#c89a6a", "#b5682f", "#7fa0a0", "#fff4d0", "#3a1f14", "#d1432f #f0b53c #2f8f8a",
        ),
        1.4, "sun",
        near="egyptian, 埃及",
    ),
}  # fmt: skip

#: the hash of the prompt picks one of these if no word names a mood
CALM_MOODS = (
    "dawn",
    "day",
    "golden",
    "sunset",
    "day",
    "dusk",
    "golden",
    "lush",
    "summer",
    "spring",
)
