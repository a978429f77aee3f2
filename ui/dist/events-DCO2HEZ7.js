import{a,b}from"./chunk-43B7D5SC.js";import"./chunk-AQ7ZLXL4.js";import"./chunk-APF7MURW.js";import"./chunk-WSP7CHK4.js";export{a as Events,b as Tail};
