import{a,b}from"./chunk-PYGZYMEX.js";import"./chunk-LGVWMP2E.js";import"./chunk-HBX4UHKS.js";import"./chunk-P6MYKXZS.js";export{a as Events,b as Tail};
