"""What every desk has around it: frame, language, forms, receipts, errors."""
