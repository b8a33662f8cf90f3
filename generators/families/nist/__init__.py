"""Published test vectors of NIST and the RFCs."""
