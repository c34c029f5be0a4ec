"""Networks, losses and computations that strategies are built from."""
