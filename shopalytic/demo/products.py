"""What the demo shop sells.

Names, codes and prices (GBP) are from "Online Retail", UCI Machine Learning Repository, Daqing Chen, CC BY 4.0.
"""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple


class Product(NamedTuple):
    """price: GBP each. cost: what the demo pretends to have paid, 45 % of it."""

    sku: str
    name: str
    price: Decimal
    category: str

    @property
    def cost(self) -> Decimal:
        return (self.price * Decimal("0.45")).quantize(Decimal("0.01"))


_LINES = """
22632 | Hand warmer red retrospot            | 2.10  | Winter
22865 | Hand warmer owl design               | 2.10  | Winter
84029 | Knitted Union flag hot water bottle  | 3.75  | Winter
22114 | Hot water bottle tea and sympathy    | 3.95  | Winter
22086 | Paper chain kit 50's Christmas       | 2.95  | Christmas
22910 | Paper chain kit vintage Christmas    | 2.95  | Christmas
22941 | Christmas lights 10 reindeer         | 8.50  | Christmas
22909 | Set of 20 vintage Christmas napkins  | 0.85  | Christmas
85123 | White hanging heart T-light holder   | 2.95  | Home
71053 | White metal lantern                  | 3.39  | Home
21730 | Glass star frosted T-light holder    | 4.25  | Home
82494 | Wooden frame antique white           | 2.95  | Home
22726 | Alarm clock Bakelike green           | 3.75  | Home
22457 | Natural slate heart chalkboard       | 2.95  | Home
22423 | Regency cakestand 3 tier             | 12.75 | Kitchen
22961 | Jam making set printed               | 1.45  | Kitchen
22960 | Jam making set with jars             | 4.25  | Kitchen
21212 | Pack of 72 retrospot cake cases      | 0.55  | Kitchen
37370 | Retro coffee mugs assorted           | 1.06  | Kitchen
21871 | Save the planet mug                  | 1.25  | Kitchen
85099 | Jumbo bag red retrospot              | 1.95  | Bags
22411 | Jumbo shopper vintage red paisley    | 1.95  | Bags
22659 | Lunch box I love London              | 1.95  | Bags
22752 | Set 7 babushka nesting boxes         | 8.50  | Gifts
"""

PRODUCTS = {
    sku: Product(sku, name, Decimal(price), category)
    for sku, name, price, category in (
        [cell.strip() for cell in line.split("|")] for line in _LINES.strip().splitlines()
    )
}
CATEGORIES = tuple(dict.fromkeys(product.category for product in PRODUCTS.values()))
SHIPPING = Decimal("3.95")
FREE_SHIPPING_FROM = Decimal("30.00")


def shipping_of(subtotal: Decimal) -> Decimal:
    return Decimal("0.00") if subtotal >= FREE_SHIPPING_FROM else SHIPPING
