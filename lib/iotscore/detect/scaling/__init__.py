"""Features to a common scale, as float32."""
