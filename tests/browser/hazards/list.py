"""All hazards, in the order in which they are tried."""

from tests.browser.hazards import libraries, network, policies, storage  # noqa: F401  each puts its own on the list
from tests.browser.hazards.hazard import HAZARDS as HAZARDS
