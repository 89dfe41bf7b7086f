"""The small words of a prompt, as data: colours, sizes, counts, and words without anything to paint.

Read by ``reading.py``. Elements carry their own words (``scene/``), moods theirs (``moods.py``).
"""

from __future__ import annotations

#: colour words → sRGB hex
COLOURS: dict[str, str] = {
    "red, scarlet, vermilion, ruby, 红, 红色, 赤": "#c8322b",
    "crimson, burgundy, maroon, blood, 深红, 绯红": "#8f1d2c",
    "orange, tangerine, amber, 橙, 橙色, 橘色, 琥珀": "#f08a24",
    "yellow, lemon, 黄, 黄色": "#f5d02f",
    "gold, golden, gilded, 金, 金色, 黄金": "#d9a62e",
    "blond, blonde, golden-haired, 金发": "#d8b25f",
    "ginger, auburn, redhead, 姜黄": "#b5592c",
    "green, jade, emerald green, olive, 绿, 绿色, 翠": "#4a9a52",
    "teal, turquoise, cyan, aqua, 青, 青色, 碧": "#2fb5b0",
    "blue, azure, sapphire, cobalt, 蓝, 蓝色": "#2f6fd0",
    "navy, indigo, 靛, 靛蓝, 深蓝": "#26337f",
    "purple, violet, lavender, lilac, magenta, 紫, 紫色": "#8a4fc0",
    "pink, rosy, blush, 粉, 粉色, 粉红, 粉红色": "#f48fb1",
    "brown, chestnut, bronze, copper, 棕, 棕色, 褐色": "#8a5a34",
    "black, ebony, jet black, 黑, 黑色": "#15151b",
    "white, ivory, pale, snow white, 白, 白色, 雪白": "#f7f4ec",
    "grey, gray, silver, silvery, ash, 灰, 灰色, 银, 银色": "#9aa0a6",
    "beige, cream, tan, 米色, 奶油色": "#e3cfa8",
}

#: size words → factor of the usual size
SIZES: dict[str, float] = {
    "tiny, miniature, teeny, 微小, 迷你": 0.5,
    "small, little, distant, faraway, 小, 小小, 遥远": 0.7,
    "big, large, tall, great, grand, 大, 高大, 大大": 1.35,
    "huge, giant, gigantic, enormous, massive, colossal, towering, vast, 巨大, 巨, 庞大, 超大": 1.75,
}

#: counting words → how many
COUNTS: dict[str, int] = {
    "one, single, lone, lonely, solitary, 一个, 一只, 一, 一座, 一棵, 一艘, 孤独": 1,
    "two, pair of, couple of, twin, 两个, 两只, 两, 二, 两座, 两棵, 双": 2,
    "three, trio of, 三个, 三只, 三, 三座, 三棵": 3,
    "four, 四个, 四只, 四": 4,
    "five, several, some, few, group of, family of, bunch of, pile of, row of, 五个, 五只, 五, 几个, 几只, 一些": 5,
    "many, flock of, herd of, swarm of, school of, pack of, fleet of, dozens of, countless, crowd of, lots of, full of, hundreds of, "
    "许多, 很多, 一群, 无数, 满": 9,
}

#: words that modify a thing rather than the picture → the quality that elements know
QUALITIES: dict[str, str] = {
    "snowy, snow-capped, snowcapped, 雪, 下雪": "snowy",
    "glowing, luminous, 发光": "glowing",
    "crescent, 弯, 新月": "crescent",
    "autumn": "autumn",
    "flying, 飞翔": "flying",
    "sleeping, asleep, 睡觉": "sleeping",
    "old, elderly, 老": "old",
    "young, baby": "young",
    "striped": "striped",
    "spotted": "spotted",
}

#: these may follow their noun: "a whale flying over a city"
AFTER_THE_NOUN = frozenset({"flying", "glowing", "sleeping"})

#: what follows one of these is not painted
NEGATIONS = "no, without, not, never, none, except, 没有, 无, 不要, 不含"

#: words for a whole kind, which only a negative prompt may use → the elements of that kind
KINDS: dict[str, str] = {
    "people, person, human, humans, figure, man, men, woman, women, child, children, crowd, 人, 人物, 人类": (
        "person, woman, couple, samurai, knight, wizard, astronaut, mermaid, portrait, double exposure, hair, beard, bald head, "
        "moustache, freckles, glasses, hat, crown, smile, eyes, earrings"
    ),
    "animal, creature, wildlife, pet, 动物, 野生动物": (
        "cat, dog, wolf, fox, horse, deer, rabbit, bear, panda, elephant, lion, tiger, leopard, panther, penguin, giraffe, cow, sheep, frog, pig, owl, whale, dolphin, fish, "
        "jellyfish, turtle, swan, birds, eagle, butterfly, dragon"
    ),
    "building, architecture, structure, 建筑, 建筑物": (
        "castle, pagoda, house, lighthouse, torii, windmill, church, bridge, tent, city, pyramid, ruins, tower"
    ),
    "tree, 树, 树木": "tree, cherry, palm, bamboo, bare tree, forest, treeline",
    "plant, vegetation, foliage, 植物": (
        "tree, cherry, palm, bamboo, bare tree, forest, treeline, flowers, sunflower, rose, tulip, daisy, cactus, mushroom, lotus, meadow, "
        "houseplant, christmas tree"
    ),
    "flower, 花": "flowers, sunflower, rose, tulip, daisy, vase, cherry, lotus, petals",
    "vehicle, traffic, 车辆, 交通工具": (
        "train, car, taxi, bus, double-decker, truck, motorcycle, traffic, bicycle, rocket, airplane, ufo, sailboat"
    ),
    "food, meal, dish, 食物, 食品": (
        "pasta, pizza, burger, fries, sushi, noodles, salad, egg, cake, bread, croissant, doughnut, ice cream, "
        "pancakes, fruit"
    ),
    "drink, beverage, 饮料": "cup, wine, cola",
    "furniture, 家具": "sofa, bed, bookshelf, kitchen, cafe, chair, lamp",
    "cloud, 云": "clouds, storm clouds",
    "star, 星, 星星": "stars, milky way, galaxy",
    "mountain, 山": "mountains, lone mountain, volcano",
    "water, 水": "water, waves, waterfall, shore",
}

#: words for a whole kind that a drawing stands in for → they add nothing where one of that kind is named
GENERAL: dict[str, str] = {
    "food, meal, dinner, lunch, dish, breakfast, brunch, dessert, fast food, vegetables, snack, 食物, 美食, 晚餐, "
    "早餐, 快餐, 甜点, 蔬菜": "food, 食物",
    "drink, drinks, 饮料": "drink, beverage",
    "vehicle, 车辆": "vehicle, traffic",
    "family, friends, 家人, 朋友": "animal, creature",
    "birthday, birthday party, party, 生日, 派对": "food, 食物",
}

#: words that are skipped, and not reported as ignored
SILENT = (
    "a, an, the, of, in, on, at, by, to, from, with, and, or, over, under, above, below, behind, "
    "beside, near, next, into, onto, through, across, along, around, between, among, against, as, is, "
    "are, be, it, its, this, that, his, her, their, my, your, very, while, during, up, down, out, off, "
    "for, s, like, one's, front, middle, background, foreground, top, bottom, left, right, side, "
    "的, 在, 和, 与, 上, 下, 里, 中, 了, 着, 是, 有, 一幅, 一张, 旁, 边, 前, 后, 之, 旁边, 上面, 下面, 下的, 上的"
)

#: words about the picture as such: true of whatever is painted, so there is nothing to claim or to miss
ABOUT_THE_PICTURE = (
    "painting, picture, image, illustration, artwork, art, drawing, style, styled, view, scene, "
    "composition, beautiful, 画, 图, 插画, 美丽, 漂亮, 风格"
)

#: words that may stand between adjectives and their noun
BINDING = "and, 的, 和, with"


def words_of(text: str) -> list[str]:
    """Return the words of one entry above."""
    return [word.strip() for word in text.split(",") if word.strip()]
