# The population stability index of the scores against the standard normal distribution, over ten bins that hold a tenth
# of the reference each. Prints the number alone.
BEGIN {
  FS = ","
  split("-1.281552 -0.841621 -0.524401 -0.253347 0 0.253347 0.524401 0.841621 1.281552", edge, " ")
}
{
  bin = 1
  while (bin < 10 && $2 > edge[bin]) bin++
  count[bin]++
}
END {
  for (bin = 1; bin <= 10; bin++) {
    share = (count[bin] ? count[bin] : 0.5) / NR
    psi += (share - 0.1) * log(share / 0.1)
  }
  printf "%.4f\n", psi
}
