import unittest
from types import SimpleNamespace

from receipt import receipt


class Receipt(unittest.TestCase):
    def test_damaged_units_are_not_good_ones(self):
        line = SimpleNamespace(sku="TEE-BLU-M", received=90, damaged=5)
        told = receipt(SimpleNamespace(purchase_order="PO-1", lines=[line]))
        self.assertEqual(told["lines"], [{"sku": "TEE-BLU-M", "good": 85, "damaged": 5}])
