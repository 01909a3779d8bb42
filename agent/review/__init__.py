"""What is reviewed and by whom: cutting clips and keeping the queue. Pure; opens nothing."""
