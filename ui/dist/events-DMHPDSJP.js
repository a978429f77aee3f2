import{a,b}from"./chunk-3K2UOKKQ.js";import"./chunk-OFJFPNWR.js";import"./chunk-XBTBZWPL.js";export{a as Events,b as Tail};
