/** Seeds that failed once, each by a fault that is mended. They only mean what they did while the simulation draws the same numbers. */
export const SEEDS = [
  41, 90, 124, 178, 386, 449, 498, 543, 650, 683, 806, 815, 832, 873, 899, 912, 931, 1008, 1122, 1195, 1199, 1234, 1286, 1440,
  1518, 1593, 1703, 1877, 1924, 1976, 1992, 2235, 2594, 2683, 5041, 5316, 5419, 5795, 5960, 5990, 6317, 6670, 10329, 10549, 10637,
  10675, 10948, 11147, 11658, 11724,
];
