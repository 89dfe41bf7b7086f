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
    "cat": "282f3c42474f4b5461505763575e69606771575c633e454f333d513d45564f596b5e67768a8f95bdbcb46771804a536231426254637d4f5c745e6e88758093abafb46b788f4e5e7a475d824d638a444d555c709466799c60729355688b4c5f822e4b753f56781a1f2a475c7f374e72475d80455d833b52772330451c26380303073b45542d45672e46682e45662b4060151b27151b280d121f171c291b23331c2536202838222a390d121d1217221319250a101e080f1e0d13210c111f080d1a",
    "lake": "899ba195a8ae9fb2b7a7b9beacbdc1aababe9caeb38d9ea3a3b1b6afbdc1b8c5c9c2cdd0ced8d9e5e9e7cad1d2b4bcbebfc4c5ced1d2d5d9d9dfe0e0e7e7e5f0efebe2e1ded1d0cedbd3cfe6dedaece4e0f2e9e4f4ece7f0e9e5e8e3dfddd7d3e6d8d2f2e4dcf0e4ddfbede5ebe1dbe4ded7e5ddd6d0cbc5cdc4bcd7cdc5d1ccc5e8dcd3c6c4bed7d2cad7d0c8cac3bbccc4bdd7d0c8cecbc5e4dcd4dfd9d0eee2d7eaddd2dfd1c6aaa6a2b7b3aebcb8b4c9c3bcd4ccc4dacfc5cec4bcb6b0a9",
    "city": "351548431a564e1f615422675523674f2160441d533919474b1f67582474652a7e6d2d866e2e89682d845d2a7a4d246b6128896a30927e3d9c8436b08436b57f35b27532ad662c9d78389c7d518d7f38a48b3cc0953ddd8941bb8336c17436a38e6b83734c749c4ba89040a795559ba67b8180428e765c859085a297649ed266d5ac54b3af59c19a7dabb079b19289ba744e7f6a45807337927434967238976f4e7c663780664183491d6c4d2f6c4f1d7a55257e5f239258278451217a471b72",
    "niji": "83a2c48dafd295b6d998b9dc99b9dc94b6d98cafd281a2c3abbfdfb2c7e7bcd1f1c0d4f4c2d4f2c6d4f1c4d1edb1bfdacccae3d8d4ecdcdaf2c8c7dbbab1bedeccd4eacfddd2c8dae7cddcf2d7e5ead4e19c868cbaa5a4b6a1a3cc9fa6dba0afddc8cbf3e3e761605c6a6a5b6664556a605fa68e928e797c7079675e64575b5b48706f536e756069645373776a717667778a57535e3f5c655266725c66725d524f3c646a566f7b59444e3555604b5e6953606c55606c545d685248513e5e6a4a",
    "tile": "eec6d8f0cff3eae0f3b6d2f7ddd1d0f3e0cde1d9c5d0cbaed6afcfa4aecfa5bdd8b3a9ade1c59affe7aafff3ccfee2e3fbc3d4e0bad4b6a2bee1c99ee1cb81ffe493fff5c9fee8e5ffe6e8fee0ecf3d8cbf2d580cfc878ecd07dfce5affbe6c9fdd2d4fed2e0ffe4e9d4d8a2f2f5caffeea5fff0bafff9dcffe9effdc9dffeced7f8d5e5ffd9ecffece6fff8f4fff6ebffeeeffee3eefec6e1f2b9e2edd0d8fddda8fccbd8fffcf0ffebf4ffd9f1fec0dce2d0e6cac1ddd2baa6bcc499eee7da",
    "unknown": "f09f85cec1acea8e77d0ab95c99f8bb8c0afaec9b9b8a999b2b1a485b1aec5b9a7d59f87db9983adb8a8aea391c0a78eb0a09178928e80abaaacc4b6cab096aa997ad0b384e7cc95c5b89cceb7999695888f9388e0c79ee2b768e2b96cf5d391ededcce7e9c7e6d7b5dbcdadf6dea7bca15bcdaa5feecb82faf4d1f1d3b3eb9f84f5e2bffee9aeead18bc5ab64fbe6ace4eac7d9c6a6daa88ce8d0aefaf4d5fef9d8fef2bff3e8c6eaedd0f5f4daecedcaf0bb9cf3b094efac8ff4ebc7f0b092",
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
