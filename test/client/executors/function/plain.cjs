/** A CommonJS module that is a function. */
module.exports = (text) => `plain ${text}`;
