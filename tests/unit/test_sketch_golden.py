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
    "cat": "282f3c42474f4b5461505763575e69606771575c633e454f333d513d45564f596b5e67768a8f95bdbcb46771804a536231426254637d4f5c745e6e88758093abafb46b788f4e5e7a475d824d638a444d555c709466799c60729355688b4c5f822e4b753f56781a1f2a475c7f374e72475d80455d833b5277232f441c26370303073b44542d45662e46682e45662b405f151b27151b280d121e171c291b23331c25362029392229370c111d1217231319250a101e080f1e0d13200c121f080d1a",
    "lake": "899ba195a8ae9fb2b7a7b9beacbdc1aababe9caeb38d9ea3a3b1b6afbdc1b8c5c9c2cdd0ced8d9e5e9e7cad1d2b4bcbebfc4c5ced1d2d5d9d9dfe0e0e7e7e5f0efebe2e1ded1d0cedbd3cfe6dedaece4e0f2e9e4f4ece7f0e9e5e8e3dfddd7d3e6d8d2f2e4dcf0e4ddfbede5ebe1dbe4ddd7e3dbd4d2ccc6ccc4bcd6cdc4cfcac3e8dcd2c6c4bed8d2cad6cfc7ccc5bcccc4bddad2cad0ccc6e4dcd4dfd8d0eee2d7eaddd1dfd2c6a9a6a2b7b3aebcb8b4c9c2bcd4ccc4dacfc5cec4bcb7b0a9",
    "city": "351548431a564e1f615422675523674f2160441d533919474b1f67582474652a7e6d2d866e2e89682d845d2a7a4d246b6128896a30927e3d9c8436b08436b57f35b27532ad662c9d78389c7d518d7f38a48b3cc0953ddd8941bb8336c17436a38e6b83734c749d4ba89040a795559ba67b8180428e765c859085a298669ece68d2ac54b4b15ac2947ba7b079b19289ba754e7f6c4781773997743496723997704e7c663681654183491d6c4e2f6c501e7b56257e5f239258278451217a471b72",
    "niji": "83a2c48dafd295b6d998b9dc99b9dc94b6d98cafd281a2c3abbfdfb2c7e7bcd1f1c0d4f4c2d4f2c6d4f1c4d1edb1bfdacccae3d8d4ecdcdaf2c8c7dbbab1bedeccd4eacfddd2c8dae7cddcf2d7e5ebd4e19c868cbaa5a4b6a2a3cc9fa6dba0afddc9cbf3e3e762615d6a6a5b6764556a615fa68c918a75786970615b60555c5c48706e536e75606964536e72676e73636e7f51525d3f5c655266725c66725d524f3c6268546d7759434e3456604b5e6953606c55606c545d685248513e5d6a49",
    "tile": "eec7d8f0cff3eae0f3b9d4f7ded2cef3e0cde1d9c5d0cbaed7afd0a4aecfa5bedab3acb1e3c89affe8abfff3cbfee3e4fbc3d4e2bbd5b5a3bde2ca9ce1cb81ffe393fff4c8fee8e5ffe7e7fee0ebefd1c8eed37fcec878ecd07dfce4acfde8cbfdcfd2fed2e1ffe5ebd4d8a2f2f5cdffeea5fff0bafffbdeffeaeffecadffeced7f8d6e4ffdaecffece6fff8f2fff6ebffeeeefee5eefec8e3f1bae2edd1d8fddda8fbcdd6fffcefffebf5ffdaf2fec1dce2d0e6c8bedbd1b9a6bbc598eee8da",
    "unknown": "f09e84cfc0abea8d77d0aa95c99f8bb8c0afadc9b9b6a99ab3b2a486b2afc5b8a6d49e86da9983aeb9a8aea391c2a990b2a09177928f80abaaacc4b7c6ac94a89a7bcfb183e7cd96c5b89cceb89a9694878e9388e0c79ee4b868e3ba6cf5d391ededcbe6e9c6e6d7b5daccadf6dea9bda25bceaa5fefcb82faf5d2f1d4b4eca085f5e1bffee9adead18cc3aa63fbe5abe4ebc7d9c6a6daa78be8cfadf9f4d4fef9d8fef2bef3e8c6ebeed0f4f3d9ececcaefbd9df3b194efac8ff4ebc8f1b092",
}  # fmt: skip


def blocks(order: Order) -> np.ndarray:
    cell = paint(order, 1).astype(float)
    return cell.reshape(8, 4, 8, 4, 3).mean(axis=(1, 3)).round().astype(np.uint8)


@pytest.mark.parametrize("name", ORDERS)
def test_a_small_cell_is_what_it_was(name):
    known = np.frombuffer(bytes.fromhex(GOLDEN[name]), np.uint8).reshape(8, 8, 3)

    assert np.abs(blocks(ORDERS[name]).astype(int) - known).max() <= 1


if __name__ == "__main__":
    for name, order in ORDERS.items():
        sys.stdout.write(f'    "{name}": "{blocks(order).tobytes().hex()}",\n')
