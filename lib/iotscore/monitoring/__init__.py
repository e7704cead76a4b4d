"""Changes over nights: drift of features, volumes, and the alerts that come of them."""
