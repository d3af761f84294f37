// Ruby, initialised once and restored for every request: its interpreter, the libraries of an application and the application itself
// are set up at the start, and a checkpoint keeps them. What a request leaves behind is gone before the next, and so is what one breaks.
import { dirname } from 'node:path';
import { openSite } from 'rekindle';
import { RUBY_MODULE, RubyGuest } from './ruby-guest.mjs';

const APPLICATION = `
require 'erb'
require 'json'

PAGE = ERB.new('<h1><%= name %></h1><% prices.each do |price| %><li><%= price %></li><% end %>')
$served = 0

def serve(request)
  name, prices = JSON.parse(request).values_at('name', 'prices')
  $served += 1
  "#{$served}: #{PAGE.result(binding)}"
end`;
const request = (name) => `serve('${JSON.stringify({ name, prices: [3, 4] })}')`;
const millis = (from) => `${(performance.now() - from).toFixed(2)} ms`;

const site = await openSite({ stableStorage: dirname(RUBY_MODULE), limits: { bankSizeBytes: 2 ** 29 } });
site.on('fault', ({ fault }) => console.log(`${fault.kind}: ${fault.message}`));

const start = performance.now();
const ruby = await site.arun('ruby+stdlib.wasm', {
  placement: 'inline',
  importsUrl: new URL('ruby-guest.mjs', import.meta.url),
});
const guest = RubyGuest.begin(ruby);
guest.text(`${APPLICATION}; :ready`);
console.log(`started in ${millis(start)}`);
console.log(`checkpoint: generation ${await ruby.checkpoint()}`);

for (const name of ['lamp', 'chair']) {
  const begun = performance.now();
  ruby.restoreSync();
  console.log(guest.text(request(name)));
  console.log(`restored and served in ${millis(begun)}`);
}

// A request that redefines the application, and then calls JavaScript, which nobody provides: a fault in the middle of it.
try {
  guest.text("def serve(request) = 'spoilt'; require 'js'; JS.eval('1')");
} catch (error) {
  console.log(error.code);
}
console.log(guest.text(request('table')));

await site.shutdown();
