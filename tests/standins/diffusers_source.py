"""A few of the library's classes as their source has them, for where the library is not installed.

The driver reads that source and never imports it. Facts of diffusers 0.42.1; with the library there, tests
read the real one (``tests/contract/test_engine_diffusers_families.py``).
"""

from __future__ import annotations

from pathlib import Path

_LIKE_SD = (
    "prompt=None, height=None, num_inference_steps=50, guidance_scale=7.5, negative_prompt=None"
)
_MORE = "output_type='pil', callback_on_step_end=None"
_TRUE = "num_inference_steps=50, true_cfg_scale=4.0, guidance_scale=None, negative_prompt=None"
_CALLS = {
    "StableDiffusionPipeline": f"{_LIKE_SD}, ip_adapter_image=None, {_MORE}",
    "StableDiffusionImg2ImgPipeline": f"{_LIKE_SD}, image=None, strength=0.8, {_MORE}",
    "StableDiffusionInpaintPipeline": f"{_LIKE_SD}, image=None, mask_image=None, strength=1.0, {_MORE}",
    "FluxPipeline": "prompt=None, negative_prompt=None, true_cfg_scale=1.0, num_inference_steps=28, "
    f"guidance_scale=3.5, ip_adapter_image=None, {_MORE}",
    "FluxImg2ImgPipeline": f"prompt=None, image=None, strength=0.6, {_MORE}",
    "FluxInpaintPipeline": f"prompt=None, image=None, mask_image=None, strength=0.6, {_MORE}",
    "QwenImagePipeline": f"prompt=None, {_TRUE}, {_MORE}",
    "QwenImageEditPipeline": f"image=None, prompt=None, {_TRUE}, {_MORE}",
    "SanaPipeline": "prompt=None, negative_prompt='', num_inference_steps=20, guidance_scale=4.5, "
    f"use_resolution_binning=True, {_MORE}",
    "SanaSprintPipeline": f"prompt=None, num_inference_steps=2, guidance_scale=4.5, {_MORE}",
    "SanaSprintImg2ImgPipeline": f"prompt=None, image=None, strength=0.6, guidance_scale=4.5, {_MORE}",
    "WanPipeline": f"{_LIKE_SD}, num_frames=81, output_type='np'",
    "KandinskyPipeline": f"prompt, image_embeds, negative_image_embeds, {_LIKE_SD[13:]}",
}
_TABLES = """
AUTO_TEXT2IMAGE_PIPELINES_MAPPING = OrderedDict([
    ("stable-diffusion", StableDiffusionPipeline), ("flux", FluxPipeline), ("qwenimage", QwenImagePipeline),
    ("sana", SanaPipeline)])
AUTO_IMAGE2IMAGE_PIPELINES_MAPPING = OrderedDict([
    ("stable-diffusion", StableDiffusionImg2ImgPipeline), ("flux", FluxImg2ImgPipeline)])
AUTO_INPAINT_PIPELINES_MAPPING = OrderedDict([
    ("stable-diffusion", StableDiffusionInpaintPipeline)])
if is_sentencepiece_available():
    AUTO_INPAINT_PIPELINES_MAPPING["flux"] = FluxInpaintPipeline
"""


def write(folder: Path) -> Path:
    """Write the source into ``folder``, and return that."""
    for name, arguments in _CALLS.items():
        path = folder / name.lower() / f"pipeline_{name.lower()}.py"
        path.parent.mkdir(parents=True)
        path.write_text(
            f"class {name}(DiffusionPipeline):\n"
            f"    @torch.no_grad()\n    def __call__(self, {arguments}):\n        pass\n",
            encoding="utf-8",
        )
    (folder / "sd" / "again.py").parent.mkdir()
    (folder / "sd" / "again.py").write_text("class AgainPipeline(FluxPipeline):\n    pass\n")
    (folder / "auto_pipeline.py").write_text(_TABLES, encoding="utf-8")
    return folder
