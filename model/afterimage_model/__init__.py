"""The inference side of Afterimage: training the demo model, predicting and serving."""
