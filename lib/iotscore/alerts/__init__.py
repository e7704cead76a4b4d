"""What people are notified of, and what is hidden from them."""
