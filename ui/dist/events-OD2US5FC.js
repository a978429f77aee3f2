import{a,b}from"./chunk-USXDRZAC.js";import"./chunk-SKPO3CTF.js";import"./chunk-LOF7Y3NZ.js";export{a as Events,b as Tail};
