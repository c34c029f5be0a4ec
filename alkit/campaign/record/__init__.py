"""What a campaign keeps: its ledger, and what the ledger says."""
