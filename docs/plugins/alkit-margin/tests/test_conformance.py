import alkit.testing


class TestMargin(alkit.testing.StrategyTests):
    name = "margin"
