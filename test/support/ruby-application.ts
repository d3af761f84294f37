// An application for Ruby guests: libraries, templates and objects, as a small service has them in memory once it has started. It must
// never use the clock or chance, so that the same requests get the same answers after every restore.

/** Leaves a method `serve(request)`: a request as JSON gets a page, with the number of requests served so far before it. */
export const RUBY_APPLICATION = `
require 'erb'
require 'json'
require 'set'

Item = Struct.new(:id, :name, :cents, :tags)
KINDS = %w[lamp chair table shelf clock plant stool frame]
ITEMS = (1..200).to_h do |id|
  seed = id * 16_807 % 2_147_483_647
  [id, Item.new(id, "#{KINDS[seed % KINDS.size]} no. #{id}", 100 + seed % 9_900, Set["tag-#{seed % 20}"])]
end
PAGE = ERB.new('<h1><%= item.name %></h1><p><%= item.cents %></p><% item.tags.each do |tag| %><li><%= tag %></li><% end %>')
$served = 0

def serve(request)
  item = ITEMS.fetch(JSON.parse(request)['id'])
  $served += 1
  "#{$served}: #{PAGE.result_with_hash(item:)}"
end
:ready`;

export const RUBY_REQUEST = `serve('{"id": 42}')`;
export const RUBY_ANSWER = '1: <h1>stool no. 42</h1><p>3094</p><li>tag-14</li>';
