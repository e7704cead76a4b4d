"""What people are told, and what is hidden from them."""
