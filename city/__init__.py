"""One running city, put together: settings, stores, founding, processes."""
