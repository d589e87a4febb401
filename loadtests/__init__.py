"""Figures: one file per `bench NAME`, each beside a peer or a pinned baseline in the same run."""
