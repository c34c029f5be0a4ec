import alkit.testing


class TestGrades(alkit.testing.TaskTests):
    name = "grades"
    classes = ("unripe", "ripe", "overripe")
