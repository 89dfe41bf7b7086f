"""Sketch paints today what it painted yesterday: 32 px cells, as the means of their 4 x 4 blocks.

Where a change of the look is meant, look at the pictures, then write the lines below anew with
``python -m tests.unit.test_sketch_golden``.
"""

from __future__ import annotations

import sys

import numpy as np
import pytest

from engines.sketch.order import Order
from engines.sketch.painter import paint

ORDERS = {
    "cat": Order("a black cat under the full moon", 32, 32),
    "lake": Order("misty mountains and a lake at dawn", 32, 32, chaos=40.0),
    "city": Order("赛博朋克城市，霓虹灯", 32, 32, stylize=600.0),
    "niji": Order("a castle, cherry blossom, spring", 32, 32, niji=True),
    "tile": Order("flowers and stars", 32, 32, tile=True),
    "unknown": Order("zzyzx", 32, 32, style="raw"),
}

GOLDEN: dict[str, str] = {
    "cat": "303743484d55515a6758606b6269746c737c5f656c464d573a4457444c5c576070626a77999c9ed9d5c67b848e535c6a3949665762775958536a717d8e96a2c5c5be808a9c5766814d62864d60822d302a5d6d897082a2697a9a5f7192536688324e782c3f5c0b0c124958714055764b61834b62863f5679233045131a260c0d103038473145612e45682e45662b4060151b27141a27131925151b281a21301c2536202838222a390d121d1217221319250a101e080f1e0d13210c111f080d1a",
    "lake": "899ba195a8ae9fb2b7a7b9beacbdc1aababe9caeb38d9ea3a3b1b6afbdc1b8c5c9c2cdd0ced8d9e5e9e7cad1d2b4bcbebfc4c5ced1d2d5d9d9dfe0e0e7e7e5f0efebe2e1ded1d0cedbd3cfe6dedaece4e0f2e9e4f4ece7f0e9e5e8e3dfddd7d3e6d8d2f2e4dcf0e4ddfbede5ebe1dbe4ded7e5ddd6d0cbc5cdc4bcd7cdc5d1ccc5e8dcd3c6c4bed7d2cad7d0c8cac3bbccc4bdd7d0c8cecbc5e4dcd4dfd9d0eee2d7eaddd2dfd1c6aaa6a2b7b3aebcb8b4c9c3bcd4ccc4dacfc5cec4bcb6b0a9",
    "city": "351548431a564e1f615422675523674f2160441d533919474b1f67582474652a7e6d2d866e2e89682d845d2a7a4d246b6128896a30927e3d9c8436b08436b57f35b27532ad662c9d78389c7d518d7f38a48b3cc0953ddd8941bb8336c17436a38e6b83734c749c4ba89040a795559ba67b8180428e765c859085a297649ed266d5ac54b3af59c19a7dabb079b19289ba744e7f6a45807337927434967238976f4e7c663780664183491d6c4d2f6c4f1d7a55257e5f239258278451217a471b72",
    "niji": "83a2c48dafd295b6d998b9dc99b9dc94b6d98cafd281a2c3abbfdfb2c7e7bcd1f1c0d4f4c2d5f2c4d5f2c4d1edb1bfdacccae3d8d4ecdcdaf2dfddf3dfd9eddfcfd9e6cfd9d9c3d4e7cddcf2d7e5f5ddeabfaeb7a48c8ec6b0b1bba0a2d099a4ddc8cbeadbdf8e8a8a716d64635f566d66666f6365967a7f707967686f6165685a78725666695356554651544a727868778a5768774b525945646d5866705c3e3c2c626852707c5a647548515d415a664c616f51606e505662484f5b3c68784c",
    "tile": "fecfdcefcff3eae0f3b6d2f7ddd1d0f3e0cde5dac6fedcb3d6afcfa4aecfa5bdd8b3a9ade1c59affe7aafff3ccfee3e3f3c4d5e0bad4b6a2bee1c99ee1cb81ffe493fff5c9fff2dfffeeeafce2eaf1d8c8f2d57ecfc979e6c973f5d392fee19ffce1e4e6cdc6eadac9fffcdaffffe0feed9ffff9c9fff9dcffe6ecfdc8defecfd6ffe0f5ffdaf1fee2ebd3d3aef8f0e2ffdee4fee3eefec6e1f9b1d5f1c0dff4bbdffcc3d8ffeee7ffecf4ffd9f1fec0dcebcee2d7bbd8cdb0acbbc499fbeee3",
    "unknown": "ffebb5ffeeb9fff1bbfff9c2ffffcdffffcffffecafff9c3ffe8b1ffedb6fff3bcfffdc7fff8c6fedd9ffffac7fffbc3dac59be9d0a5ecd6aaf0ddb0f0d7a9e9c290f5e0aff6e4b386966d8e9871929873979974a39b79a99d7ca89e7daba380b3987cba9a7fbc9b80be9b80bc997fbc977dbc977dbd957b939aa5989a9fa4928cb58273c17565c07469b97b74ca6d5e7f7f7980817c82848184848086848087929a869baa8c919969573e715e426d5b4060503a61503b65543e5e504162533f",
}  # fmt: skip


def blocks(order: Order) -> np.ndarray:
    cell = paint(order, 1).astype(float)
    means = cell.reshape(8, 4, 8, 4, 3).mean(axis=(1, 3))
    return np.asarray(means.round(), np.uint8)


@pytest.mark.parametrize("name", ORDERS)
def test_a_small_cell_is_what_it_was(name):
    known = np.frombuffer(bytes.fromhex(GOLDEN[name]), np.uint8).reshape(8, 8, 3)

    assert np.abs(blocks(ORDERS[name]).astype(int) - known).max() <= 1


if __name__ == "__main__":
    for name, order in ORDERS.items():
        sys.stdout.write(f'    "{name}": "{blocks(order).tobytes().hex()}",\n')
