import alkit.testing


class TestMarginRatio(alkit.testing.StrategyTests):
    name = "margin-ratio"
