"""The programme: what is due, and whether it was heard. Functions of segments, and a thin shell that feeds them."""
