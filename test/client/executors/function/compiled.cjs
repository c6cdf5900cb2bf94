/** A CommonJS module as compilers write it: its default is one level down, and `hidden` is a name that Node does not find by reading. */
Object.defineProperty(exports, '__esModule', { value: true });
exports.default = (a, b) => a * b;
exports.named = () => 'named';
exports[['hid', 'den'].join('')] = () => 'hidden';
