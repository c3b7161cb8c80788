/** `npm run fuzz`. */
import '../proving/fuzz/main.mjs';
