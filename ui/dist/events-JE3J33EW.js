import{a,b}from"./chunk-RAOYXCZS.js";import"./chunk-XPVY4JPV.js";import"./chunk-VHUN5C6I.js";export{a as Events,b as Tail};
