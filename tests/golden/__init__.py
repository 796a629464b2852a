"""Files as earlier versions wrote them; what reads them today must read them for ever."""
