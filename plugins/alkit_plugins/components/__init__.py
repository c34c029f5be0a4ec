"""Networks, losses and computations that strategies are made of."""
