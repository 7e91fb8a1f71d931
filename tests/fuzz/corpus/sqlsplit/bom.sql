select "a;""b" /* x /* y */ ; */;
-- platen: no-transactioncreate index concurrently i on t (a)