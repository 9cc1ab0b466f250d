# Scores one shard of the customers: awk -v shard=I -v shards=N -f score.awk input.csv; rows of `id,score`.
BEGIN { FS = "," }
FNR > 1 && $1 % shards == shard { printf "%d,%.6f\n", $1, $4 + 0.002 * ($2 - 54) + 0.01 * ($3 - 0.32) }
