import alkit


class MarginRatio(alkit.ScoreStrategy):
    name = "margin-ratio"
    needs = frozenset({"probabilities"})

    def score(self, cycle, output):
        top = output.probabilities.topk(2, dim=1).values
        return top[:, 1] / top[:, 0]


@alkit.hookimpl
def alkit_strategies():
    return [MarginRatio]
