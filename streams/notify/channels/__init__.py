"""Ways out: each sends one message to one address and says what came of it. The list is `picking.Channels`."""
