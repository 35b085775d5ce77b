"""The registers: disclosures to authorities and third parties, recipients and transfers, the record of processing through time, notices, and a change of controller (policy D3 to D5)."""
