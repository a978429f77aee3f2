import{a,b}from"./chunk-ASGRUSWH.js";import"./chunk-JJ7FOOXV.js";import"./chunk-PDWVCCI7.js";import"./chunk-WSP7CHK4.js";export{a as Events,b as Tail};
