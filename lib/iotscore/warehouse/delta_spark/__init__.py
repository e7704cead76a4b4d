"""Tables read and written by Spark: any storage, catalogue or feature of Delta that it knows."""
