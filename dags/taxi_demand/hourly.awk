# Trips to counts: one row `day,hour,zone,trips` for each zone and hour that had a trip, unordered.
BEGIN { FS = ","; OFS = "," }
FNR > 1 { count[substr($1, 1, 10) OFS (substr($1, 12, 2) + 0) OFS $2]++ }
END { for (key in count) print key, count[key] }
