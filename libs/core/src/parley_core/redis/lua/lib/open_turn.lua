-- What meta has of the turn that is open, and goes with its end (lib/turn says more of it).
local TURN = {'turn', 'attempt', 'counted', 'status', 'stop', 'ckpt', 'nonce', 'offset', 'base',
  'asks', 'answers'}
