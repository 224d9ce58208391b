"""What a step does. Actions speak to ports only and never know who answers them."""
