"""The built-in neural engine ``lite``: EfficientNet-Lite0 features, a neck, and a light promptable decoder."""
