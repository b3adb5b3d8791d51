"""Work in processes of its own, which outlive a closed page and a studio that has crashed."""
