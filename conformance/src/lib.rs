//! Ours against the stock programs, over the network only; and the demo.
