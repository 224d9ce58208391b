"""``drp serve``: one active controller that does by itself what policy asks for; a second one stands by."""
