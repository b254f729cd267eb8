"""The demo station's band: sounds made from formulas, and the styles that play them."""
